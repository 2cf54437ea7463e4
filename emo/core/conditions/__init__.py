"""What the conditions of one model show: the four-layer table, its verdicts, the ablation."""
