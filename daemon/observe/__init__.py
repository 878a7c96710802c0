"""What is going on, told to machines and people: metrics, health, logs, systemd."""
