import sqlite3

db = sqlite3.connect(":memory:")
for table in ("employees", "departments"):
    lines = open(f"data/{table}.csv").read().splitlines()
    db.execute(f"create table {table} ({lines[0]})")
    for line in lines[1:]:
        cells = line.split(",")
        db.execute(f"insert into {table} values ({','.join('?' * len(cells))})", cells)
query = """select d.name, avg(cast(e.salary as real)) a from employees e
           join departments d on d.id = e.department_id group by d.name order by a desc"""
print("Department      Average")
for name, mean in db.execute(query):
    print(f"{name:<14}{mean:>10,.2f}")
