"""What starts peers somewhere and waits for them."""
