"""How good searches are: on real tuning problems, beside the peers, with one worker and with asynchronous ones."""
