"""Pictures of samples and predictions, shared by tracking, evaluation and prediction."""
