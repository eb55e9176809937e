minutes = int(input("Enter the number of minutes: "))
hours = minutes / 60
print(f"{minutes} minutes are {hours:.2f} hours.")
