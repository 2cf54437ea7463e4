"""A study in one folder or zip: report, pages, and the files from which every number is made again."""
