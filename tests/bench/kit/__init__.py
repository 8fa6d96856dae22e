"""What all benchmark groups share: folder, programs, floors, table, chart."""
