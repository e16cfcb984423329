"""Result folders: cells, statistics, tables, figures and the report."""
