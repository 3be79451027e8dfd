"""What takes time and by which law: a plan and a scenario become a network with laws."""
