// What an application does by go-sql-driver. Arguments: host, port, user, password, database.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	"github.com/go-sql-driver/mysql"
)

var ctx = context.Background()

func must(err error) {
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}

type asked interface {
	QueryContext(context.Context, string, ...interface{}) (*sql.Rows, error)
	ExecContext(context.Context, string, ...interface{}) (sql.Result, error)
}

func show(on asked, text string, values ...interface{}) {
	rows, err := on.QueryContext(ctx, text, values...)
	must(err)
	defer rows.Close()
	columns, err := rows.Columns()
	must(err)
	fmt.Println(text, columns)
	for rows.Next() {
		cells := make([]sql.NullString, len(columns))
		places := make([]interface{}, len(columns))
		for at := range cells {
			places[at] = &cells[at]
		}
		must(rows.Scan(places...))
		for _, cell := range cells {
			if cell.Valid {
				fmt.Printf("  %q", cell.String)
			} else {
				fmt.Print("  NULL")
			}
		}
		fmt.Println()
	}
	must(rows.Err())
}

func run(on asked, text string, values ...interface{}) {
	result, err := on.ExecContext(ctx, text, values...)
	var refused *mysql.MySQLError
	if errors.As(err, &refused) {
		fmt.Println(text, "error", refused.Number, refused.Message)
		return
	}
	must(err)
	id, _ := result.LastInsertId()
	count, _ := result.RowsAffected()
	fmt.Println(text, id, count)
}

func main() {
	host, port, user, password, database := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]
	dsn := fmt.Sprintf("%s:%s@tcp(%s:%s)/%s?charset=utf8mb4&collation=utf8mb4_general_ci", user, password, host, port, database)
	db, err := sql.Open("mysql", dsn)
	must(err)
	defer db.Close()
	db.SetMaxOpenConns(4)
	must(db.Ping())

	run(db, "DROP TABLE IF EXISTS fruit")
	run(db, `CREATE TABLE fruit (id bigint unsigned AUTO_INCREMENT PRIMARY KEY, name varchar(40) NOT NULL UNIQUE, price decimal(10,2), weight double, picked datetime(6), raw blob) CHARACTER SET utf8mb4`)
	insert := "INSERT INTO fruit (name, price, weight, picked, raw) VALUES (?, ?, ?, ?, ?)"
	run(db, insert, "apple", "1.25", 0.5, "2024-02-29 12:34:56.789012", []byte{0, 255, 1})
	run(db, insert, "brünette 🍐", "0.99", 0.001, nil, []byte{})
	show(db, "SELECT * FROM fruit ORDER BY id")
	show(db, "SELECT * FROM fruit WHERE id > ? ORDER BY id", 1)
	run(db, "UPDATE fruit SET price = price + 1 WHERE id > ?", 0)
	run(db, "INSERT INTO fruit (name) VALUES (?)", "apple")
	run(db, "SELECT * FROM nowhere")
	run(db, "SELEKT 1")

	tx, err := db.BeginTx(ctx, nil)
	must(err)
	run(tx, "INSERT INTO fruit (name) VALUES (?)", "plum")
	show(tx, "SELECT COUNT(*) FROM fruit")
	must(tx.Rollback())
	show(db, "SELECT COUNT(*) FROM fruit")
	tx, err = db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	must(err)
	run(tx, "DELETE FROM fruit WHERE id = ?", 2)
	must(tx.Commit())
	tx, err = db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	must(err)
	show(tx, "SELECT name FROM fruit")
	run(tx, "INSERT INTO fruit (name) VALUES ('refused')")
	must(tx.Rollback())

	statement, err := db.Prepare("INSERT INTO fruit (name, weight) VALUES (?, ?)")
	must(err)
	done := make(chan error)
	for worker := 0; worker < 4; worker++ {
		go func(worker int) {
			var err error
			for n := 0; n < 25 && err == nil; n++ {
				_, err = statement.Exec(fmt.Sprintf("many %d/%d", worker, n), n)
			}
			done <- err
		}(worker)
	}
	for worker := 0; worker < 4; worker++ {
		must(<-done)
	}
	must(statement.Close())
	show(db, "SELECT COUNT(*), SUM(weight) FROM fruit WHERE name LIKE ?", "many%")

	connection, err := db.Conn(ctx)
	must(err)
	run(connection, "SET @found := 7")
	show(connection, "SELECT @found")
	run(connection, "CREATE TEMPORARY TABLE crate (a int)")
	run(connection, "INSERT INTO crate VALUES (1), (2)")
	show(connection, "SELECT * FROM crate WHERE a > ?", 1)
	must(connection.Close())
	run(db, "DROP TABLE fruit")
}
