import sys
from datetime import datetime

start = datetime.strptime(sys.argv[1], "%Y-%m-%d")
end = datetime.strptime(sys.argv[2], "%Y-%m-%d")
print(f"Days between: {(end - start).days}")
