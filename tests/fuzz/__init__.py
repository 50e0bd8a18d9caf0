"""What strangers and WeChat may send, by the hundred thousand: `make fuzz`."""
