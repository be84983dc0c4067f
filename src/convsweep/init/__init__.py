"""`convsweep init FOLDER`: a small project to start from, copied from project/."""
