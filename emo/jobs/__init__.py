"""Jobs wire the stages together; they compute nothing and log nothing themselves."""
