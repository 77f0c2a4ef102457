"""What a person types: one thin module for each command that needs the answers too."""
