"""The models of a shop, as programs on SQLModel have them. Lines marked as the second's came with the
second revision."""
import enum
import uuid
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import List, Optional

import sqlalchemy as sa
from sqlmodel import Field, Relationship, SQLModel, UniqueConstraint


class Role(str, enum.Enum):
    customer = "customer"
    clerk = "clerk"
    admin = "admin"


class PostTag(SQLModel, table=True):
    post_id: Optional[int] = Field(default=None, foreign_key="post.id", primary_key=True)
    tag_id: Optional[int] = Field(default=None, foreign_key="tag.id", primary_key=True)


class User(SQLModel, table=True):
    id: Optional[int] = Field(default=None, primary_key=True)
    username: str = Field(unique=True, index=True)
    email: str = Field(max_length=254, index=True)
    full_name: Optional[str] = None
    role: Role = Field(default=Role.customer)
    is_active: bool = True
    balance: Decimal = Field(default=Decimal(0), max_digits=12, decimal_places=2)
    rating: Optional[float] = None
    settings: dict = Field(default_factory=dict, sa_column=sa.Column(sa.JSON, nullable=False))
    created_at: datetime = Field(default_factory=lambda: datetime.now(timezone.utc))
    seen_at: Optional[datetime] = Field(  # second
        default=None, sa_column=sa.Column(sa.DateTime(timezone=True)))  # second
    born: Optional[date] = None
    token: uuid.UUID = Field(default_factory=uuid.uuid4)
    visits: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    note: str = Field(default="", sa_column_kwargs={"server_default": "it's new"})
    posts: List["Post"] = Relationship(back_populates="author")


class Post(SQLModel, table=True):
    __table_args__ = (UniqueConstraint("author_id", "slug"),
                      sa.CheckConstraint("length(title) > 0", name="post_title_given"))
    id: Optional[int] = Field(default=None, primary_key=True)
    title: str
    slug: str = Field(max_length=80)
    body: str = Field(sa_type=sa.Text)
    views: int = Field(default=0, sa_type=sa.BigInteger)
    published_at: datetime = Field(  # second
        sa_column=sa.Column(sa.DateTime, nullable=False, server_default=sa.func.now()))  # second
    author_id: int = Field(foreign_key="user.id", ondelete="CASCADE", index=True)
    author: User = Relationship(back_populates="posts")
    tags: List["Tag"] = Relationship(back_populates="posts", link_model=PostTag)


class Tag(SQLModel, table=True):
    id: Optional[int] = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    posts: List[Post] = Relationship(back_populates="tags", link_model=PostTag)


class Upload(SQLModel, table=True):  # second
    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)  # second
    name: str  # second
    content: bytes  # second
    user_id: Optional[int] = Field(default=None, foreign_key="user.id",  # second
                                   ondelete="SET NULL")  # second
