"""What classifiers say of the photos of the dataset, and the labels they doubt."""
