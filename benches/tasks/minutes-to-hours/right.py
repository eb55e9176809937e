minutes = int(input("Minutes: "))
print(f"{minutes // 60} hours {minutes % 60} minutes")
