"""Files of folders, served without asking the application: see README.md."""
