"""The bench's tables behind FastAPI and SQLModel, as their documentation shows it: one process.
DB_URL names the database."""
import os
from datetime import datetime
from decimal import Decimal
from typing import Optional

from fastapi import Depends, FastAPI, HTTPException
from sqlmodel import Field, Session, SQLModel, create_engine, select

URL = os.environ["DB_URL"]
engine = create_engine(
    URL, connect_args={"check_same_thread": False} if URL.startswith("sqlite") else {})
app = FastAPI()


class Item(SQLModel, table=True):
    __tablename__ = "items"
    id: Optional[int] = Field(default=None, primary_key=True)
    name: str
    email: str
    age: Optional[int]
    active: bool
    score: Optional[float]
    created_at: datetime
    bio: Optional[str]
    category_id: Optional[int]
    price: Optional[Decimal]


class EventBase(SQLModel):
    name: str
    size: Optional[int] = None
    at: datetime


class Event(EventBase, table=True):
    id: Optional[int] = Field(default=None, primary_key=True)


def get_session():
    with Session(engine) as session:
        yield session


@app.get("/items/{item_id}", response_model=Item)
def read_item(item_id: int, session: Session = Depends(get_session)):
    item = session.get(Item, item_id)
    if not item:
        raise HTTPException(status_code=404)
    return item


@app.get("/items", response_model=list[Item])
def read_items(start: int, limit: int = 100, session: Session = Depends(get_session)):
    return session.exec(
        select(Item).where(Item.id >= start).order_by(Item.id).limit(limit)).all()


@app.post("/event", response_model=Event, status_code=201)
def create_event(event: EventBase, session: Session = Depends(get_session)):
    row = Event.model_validate(event)
    session.add(row)
    session.commit()
    session.refresh(row)
    return row
