"""What an application does by PyMySQL or mysqlclient: arguments are the module, host, port, user, password, database."""

import importlib
import sys
import warnings

module_name, host, port, user, password, database = sys.argv[1:]
driver = importlib.import_module(module_name)
cursors = importlib.import_module(module_name + ".cursors")
warnings.simplefilter("ignore")


def connect(**options):
    return driver.connect(
        host=host, port=int(port), user=user, password=password, database=database, charset="utf8mb4", **options
    )


def show(what, value):
    print(what, repr(value))


connection = connect()
cursor = connection.cursor()


def run(text, values=None):
    count = cursor.execute(text, values)
    show(text.split("(")[0].strip(), (count, cursor.lastrowid))
    return cursor.fetchall() if cursor.description else None


def failing(text, values=None):
    try:
        cursor.execute(text, values)
        show(text, "no error")
    except driver.Error as error:
        show(text, (type(error).__name__, error.args))


run("DROP TABLE IF EXISTS fruit, crate")
run(
    """CREATE TABLE fruit (id bigint unsigned AUTO_INCREMENT PRIMARY KEY, name varchar(40) NOT NULL UNIQUE,
       price decimal(10,2), weight double, picked datetime(6), raw blob, note text) CHARACTER SET utf8mb4"""
)
insert = "INSERT INTO fruit (name, price, weight, picked, raw, note) VALUES (%s, %s, %s, %s, %s, %s)"
run(insert, ("apple", "1.25", 0.5, "2024-02-29 12:34:56.789012", b"\x00\xff\x01", None))
run(insert, ("brünette 🍐 'pear'", "0.99", 1e-3, None, b"", "\\ % _ \"quoted\"\n"))
show("insert id", connection.insert_id())
show("rows", run("SELECT * FROM fruit ORDER BY id"))
show("description", [column[:2] for column in cursor.description])
run("UPDATE fruit SET price = price + 1 WHERE id > %s", (0,))
run("UPDATE fruit SET price = price WHERE id > %s", (0,))
connection.commit()

run(insert, ("plum", None, None, None, None, None))
connection.rollback()
show("after rollback", run("SELECT name FROM fruit ORDER BY id"))
connection.commit()
connection.begin()
run("DELETE FROM fruit WHERE name = %s", ("apple",))
show("inside", run("SELECT COUNT(*) FROM fruit"))
connection.rollback()
show("outside", run("SELECT COUNT(*) FROM fruit"))
connection.commit()

failing("INSERT INTO fruit (name) VALUES (%s)", ("apple",))
failing("SELECT * FROM nowhere")
failing("SELEKT 1")
connection.rollback()
run("INSERT IGNORE INTO fruit (name, price) VALUES ('kiwi', 'much')")
show("warnings", run("SHOW WARNINGS"))
connection.commit()
show("last id", run("SELECT LAST_INSERT_ID() = MAX(id) FROM fruit"))
run("UPDATE fruit SET weight = 2 WHERE id < 3")
show("row count", run("SELECT ROW_COUNT()"))

cursor.executemany("INSERT INTO fruit (name, weight) VALUES (%s, %s)", [(f"many {n}", n / 8) for n in range(500)])
connection.commit()
show("many", cursor.rowcount)
run("SET @found := 7")
show("variable", run("SELECT @found"))
run("CREATE TEMPORARY TABLE crate AS SELECT id, name FROM fruit WHERE id < 100")
show("temporary", run("SELECT COUNT(*) FROM crate"))
show("prepared as text", run("PREPARE q FROM 'SELECT name FROM fruit WHERE id = ?'"))
run("SET @id := 1")
show("executed", run("EXECUTE q USING @id"))
run("DEALLOCATE PREPARE q")

streamed = connect(cursorclass=cursors.SSCursor)
reader = streamed.cursor()
reader.execute("SELECT name, weight FROM fruit WHERE name LIKE 'many%' ORDER BY id")
show("streamed", [reader.fetchone() for _ in range(3)])
show("the rest", len(reader.fetchall()))
reader.close()
streamed.close()

connection.commit()
several = connect(client_flag=1 << 16)
cursor = several.cursor()
cursor.execute("SELECT 1; SELECT 2; UPDATE fruit SET weight = 1 WHERE name = 'apple'; SELECT 3")
results = [cursor.fetchall()]
while cursor.nextset():
    results.append(cursor.fetchall() if cursor.description else cursor.rowcount)
show("several", results)
several.ping()
several.commit()
several.select_db(database)
several.close()

cursor = connection.cursor()
run("DROP TABLE fruit")
connection.close()
