"""What the questions share: contenders in processes of their own, turns, tables, pictures, the machine."""
