"""What steered texts show: measures of a text, regimes, doses and their controls."""
