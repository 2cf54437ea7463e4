"""What a model does when it is pushed: answers, flips, constraints, and what can be said of them."""
