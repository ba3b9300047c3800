"""What the container makes its parts with, a file a part. What belongs together, it alone says."""
