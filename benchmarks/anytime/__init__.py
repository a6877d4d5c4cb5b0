"""How good tuning is at any time, where trials can be stopped early or paused: in virtual time, beside the peers."""
