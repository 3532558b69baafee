"""What an application does by SQLAlchemy: arguments are the dialect's driver, host, port, user, password, database."""

import sys
import warnings

from sqlalchemy import Column, DateTime, ForeignKey, Integer, Numeric, String, create_engine, exc, func, inspect, select, text
from sqlalchemy.orm import Session, declarative_base, relationship

driver, host, port, user, password, database = sys.argv[1:]
warnings.simplefilter("ignore")
engine = create_engine(
    f"mysql+{driver}://{user}:{password}@{host}:{port}/{database}?charset=utf8mb4",
    pool_size=2,
    pool_pre_ping=True,
    future=True,
)
Base = declarative_base()


class Grower(Base):
    __tablename__ = "grower"
    __table_args__ = {"mysql_charset": "utf8mb4"}
    id = Column(Integer, primary_key=True)
    name = Column(String(50), nullable=False, unique=True)
    fruits = relationship("Fruit", back_populates="grower", cascade="all, delete-orphan")


class Fruit(Base):
    __tablename__ = "fruit"
    __table_args__ = {"mysql_charset": "utf8mb4"}
    id = Column(Integer, primary_key=True)
    name = Column(String(50), nullable=False)
    price = Column(Numeric(10, 2))
    picked = Column(DateTime)
    grower_id = Column(ForeignKey("grower.id"))
    grower = relationship("Grower", back_populates="fruits")


def show(what, value):
    print(what, repr(value))


Base.metadata.drop_all(engine)
Base.metadata.create_all(engine)
show("tables", sorted(inspect(engine).get_table_names()))
show("columns", [(column["name"], str(column["type"])) for column in inspect(engine).get_columns("fruit")])

with Session(engine) as session:
    ann = Grower(name="Ann 🍏", fruits=[Fruit(name="apple", price="1.50"), Fruit(name="pear")])
    session.add(ann)
    session.commit()
    show("ids", (ann.id, [fruit.id for fruit in ann.fruits]))
    ann.fruits[0].price = "2.75"
    session.flush()
    show("inside", session.scalar(select(func.sum(Fruit.price))))
    session.rollback()
    show("after rollback", session.scalar(select(func.sum(Fruit.price))))
    session.delete(ann.fruits[1])
    session.commit()
    show("rows", session.execute(select(Grower.name, Fruit.name, Fruit.price).join(Fruit.grower)).all())

with Session(engine) as session:
    session.add(Grower(name="Ann 🍏"))
    try:
        session.commit()
        show("duplicate", "no error")
    except exc.IntegrityError as error:
        show("duplicate", error.orig.args)
        session.rollback()
    with session.begin_nested():
        session.add(Grower(name="Bea"))
    session.commit()
    show("savepoint", session.execute(select(Grower.name).order_by(Grower.id)).all())

with engine.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
    show("isolation", connection.get_isolation_level())
    show("serializable", connection.execute(select(func.count()).select_from(Fruit)).scalar())
with engine.connect() as connection:
    show("isolation again", connection.get_isolation_level())
    show("bound", connection.execute(text("SELECT name FROM grower WHERE id = :id"), {"id": 1}).all())
    show("quoting", connection.execute(text("SELECT 'it''s', :value"), {"value": "50% \\ off"}).all())

Base.metadata.drop_all(engine)
engine.dispose()
