"""The medical insurance's mobile payment centre (医保移动支付中心): a port and its one implementation."""
