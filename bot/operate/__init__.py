"""What an operator needs: doctor, health, logs without secrets."""
