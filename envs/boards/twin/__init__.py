"""The digital twin: profile, scenario and recorded outcomes, run by one compiled kernel."""
