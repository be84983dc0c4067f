"""The command of each stage, by what is measured when it begins."""
