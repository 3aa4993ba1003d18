"""What others remember of the log: witnesses, time stamps, deliveries."""
