"""What text formats share: checked streams of text, inference of types, values as text and back."""
