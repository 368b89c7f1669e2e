"""What a running node shows and keeps: summary.py on a terminal, log_lines.py elsewhere, retention.py how much history."""
