"""From a command line to the jobs of a launcher: arguments, points of a sweep, launchers."""
