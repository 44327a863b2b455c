"""The emergency quota of the HIS's windows: numbers with which they go on registering while the platform is down."""
