"""What emotion vectors are shown to do: planted-truth statistics of the validations of job=validate."""
