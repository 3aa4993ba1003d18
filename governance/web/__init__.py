"""The pages: what people read and do in a browser."""
