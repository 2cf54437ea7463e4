"""What models' answers assert, what they comply with, and the statistics of both."""
