"""What several tests need: clocks that obey, ports that count, and makers of values."""
