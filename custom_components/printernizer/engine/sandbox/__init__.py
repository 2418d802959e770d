"""Work on files of strangers in processes of their own: what they make it do ends there."""
