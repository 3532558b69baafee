import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.sql.Savepoint;
import java.sql.Statement;

/** What an application does by MariaDB's JDBC driver. Arguments: host, port, user, password, database. */
public final class Drivers {
  private static void show(String what, ResultSet rows) throws SQLException {
    ResultSetMetaData facts = rows.getMetaData();
    StringBuilder line = new StringBuilder(what);
    for (int at = 1; at <= facts.getColumnCount(); at++) {
      line.append(' ').append(facts.getColumnLabel(at)).append(':').append(facts.getColumnTypeName(at));
    }
    System.out.println(line);
    while (rows.next()) {
      line = new StringBuilder("  ");
      for (int at = 1; at <= facts.getColumnCount(); at++) line.append(rows.getString(at)).append('|');
      System.out.println(line);
    }
    rows.close();
  }

  private static void show(Statement statement, String text) throws SQLException {
    show(text, statement.executeQuery(text));
  }

  private static void run(Statement statement, String text) {
    try {
      System.out.println(text + " " + statement.executeUpdate(text));
    } catch (SQLException error) {
      System.out.println(text + " error " + error.getErrorCode() + " " + error.getSQLState());
    }
  }

  public static void main(String[] arguments) throws Exception {
    String address = arguments[0] + ":" + arguments[1] + "/" + arguments[4];
    for (String options : new String[] {"", "&useServerPrepStmts=true", "&rewriteBatchedStatements=true"}) {
      String url = "jdbc:mariadb://" + address + "?allowPublicKeyRetrieval=true" + options;
      System.out.println(options);
      try (Connection connection = DriverManager.getConnection(url, arguments[2], arguments[3])) {
        use(connection);
      }
    }
  }

  private static void use(Connection connection) throws SQLException {
    Statement statement = connection.createStatement();
    run(statement, "DROP TABLE IF EXISTS fruit");
    run(
        statement,
        "CREATE TABLE fruit (id bigint AUTO_INCREMENT PRIMARY KEY, name varchar(40) NOT NULL UNIQUE,"
            + " price decimal(10,2), weight double, picked datetime(6), raw blob) CHARACTER SET utf8mb4");
    String text = "INSERT INTO fruit (name, price, weight, picked, raw) VALUES (?, ?, ?, ?, ?)";
    try (PreparedStatement insert = connection.prepareStatement(text, Statement.RETURN_GENERATED_KEYS)) {
      insert.setString(1, "apple");
      insert.setString(2, "1.25");
      insert.setDouble(3, 0.5);
      insert.setString(4, "2024-02-29 12:34:56.789012");
      insert.setBytes(5, new byte[] {65, 66, 67});
      System.out.println(insert.executeUpdate());
      show("keys", insert.getGeneratedKeys());
      for (int n = 0; n < 100; n++) {
        insert.setString(1, "many 🍐 " + n);
        insert.setString(2, null);
        insert.setDouble(3, n / 8.0);
        insert.setString(4, null);
        insert.setBytes(5, null);
        insert.addBatch();
      }
      System.out.println(insert.executeBatch().length);
    }
    try (PreparedStatement select = connection.prepareStatement("SELECT * FROM fruit WHERE id = ? OR name = ?")) {
      for (int n = 1; n < 4; n++) {
        select.setInt(1, n);
        select.setString(2, "many 🍐 " + (10 - n));
        show("prepared", select.executeQuery());
      }
    }

    connection.setAutoCommit(false);
    run(statement, "UPDATE fruit SET price = 9 WHERE id = 1");
    Savepoint point = connection.setSavepoint();
    run(statement, "DELETE FROM fruit");
    show(statement, "SELECT COUNT(*) FROM fruit");
    connection.rollback(point);
    show(statement, "SELECT COUNT(*) FROM fruit");
    connection.rollback();
    show(statement, "SELECT price FROM fruit WHERE id = 1");
    run(statement, "UPDATE fruit SET price = 3 WHERE id = 1");
    connection.commit();
    connection.setAutoCommit(true);
    show(statement, "SELECT price FROM fruit WHERE id = 1");

    connection.setReadOnly(true);
    show(statement, "SELECT COUNT(*) FROM fruit");
    connection.setReadOnly(false);
    connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
    System.out.println(connection.getTransactionIsolation());
    connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
    System.out.println(connection.isValid(5));

    run(statement, "INSERT INTO fruit (name) VALUES ('apple')");
    run(statement, "SELECT * FROM nowhere");
    run(statement, "SELEKT 1");
    run(statement, "INSERT IGNORE INTO fruit (name, price) VALUES ('kiwi', 'much')");
    SQLWarning warning = statement.getWarnings();
    System.out.println(warning == null ? "no warning" : "warning " + warning.getErrorCode());

    statement.setFetchSize(7);
    show(statement, "SELECT name, weight FROM fruit ORDER BY id LIMIT 30");
    statement.setFetchSize(0);
    run(statement, "SET @found := 7");
    show(statement, "SELECT @found");
    run(statement, "CREATE TEMPORARY TABLE crate (a int)");
    run(statement, "INSERT INTO crate VALUES (1), (2)");
    show(statement, "SELECT * FROM crate");
    run(statement, "DROP TEMPORARY TABLE crate");
    show("tables", connection.getMetaData().getTables(connection.getCatalog(), null, "fruit", null));
    run(statement, "DROP TABLE fruit");
  }
}
