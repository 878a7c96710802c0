"""Shows programs and people what the daemon does: metrics, health, GPUs, disks, and the port that serves them."""
