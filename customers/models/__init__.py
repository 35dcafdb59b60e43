"""The tables of customers, one module per aggregate."""

from customers.models.account import Customer, CustomerTag, CustomerUserPermission, ExternalKey, Tag
from customers.models.catalogue import CustomerFieldChoice, CustomerFieldValue, FieldDefinition
from customers.models.duplicates import DuplicatePair
from customers.models.exchange import ExchangeFile, ExchangePart, ImportMemory
from customers.models.life import DeliveredOrder, LifeMark
from customers.models.people import Address, Contact
from customers.models.projection import ContactWord, CustomerFigure, CustomerHot, CustomerWord, VocabularyWord

__all__ = [
    "Address",
    "Contact",
    "ContactWord",
    "Customer",
    "CustomerFieldChoice",
    "CustomerFieldValue",
    "CustomerFigure",
    "CustomerHot",
    "CustomerTag",
    "CustomerUserPermission",
    "CustomerWord",
    "DeliveredOrder",
    "DuplicatePair",
    "ExchangeFile",
    "ExchangePart",
    "ExternalKey",
    "FieldDefinition",
    "ImportMemory",
    "LifeMark",
    "Tag",
    "VocabularyWord",
]
