"""The rush at release time (放号): a waiting room with places in front of the schedules that everybody wants."""
