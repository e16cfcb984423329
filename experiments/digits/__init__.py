"""How the networks and pictures of the embedded family ``digits`` were made."""
