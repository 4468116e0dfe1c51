"""What each fault is called and what to do about it, in the reader's language."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

# The fault words are what machines read; this is how people read them.
WORDS = {
    "name missing": _("Name missing"),
    "name too long": _("Name too long"),
    "phone invalid or missing": _("Phone invalid or missing"),
    "phone duplicate in file": _("Phone twice in the file"),
    "phone taken": _("Phone taken"),
    "second phone invalid": _("Second phone invalid"),
    "whatsapp invalid": _("WhatsApp number invalid"),
    "email invalid": _("E-mail invalid"),
    "email too long": _("E-mail too long"),
    "number invalid": _("Number invalid"),
    "number too long": _("Number too long"),
    "number duplicate in file": _("Number twice in the file"),
    "number taken": _("Number taken"),
    "cnic invalid": _("National ID invalid"),
    "cnic missing": _("National ID missing"),
    "area missing": _("Area missing"),
    "area unknown": _("Area unknown"),
    "area ambiguous": _("Area not clear"),
    "area out of reach": _("Area not yours"),
    "reseller out of reach": _("Reseller not yours"),
    "area too long": _("Area's name too long"),
    "city too long": _("City's name too long"),
    "address missing": _("Address missing"),
    "address too long": _("Address too long"),
    "street house too long": _("Street and house too long"),
    "branch unknown": _("Branch unknown"),
    "branch out of reach": _("Branch not yours"),
    "branch too long": _("Branch's name too long"),
    "collector unknown": _("Collector unknown"),
    "collector ambiguous": _("Collector not clear"),
    "collector out of reach": _("Collector not yours"),
    "collector too long": _("Collector's name too long"),
    "plan missing": _("Plan missing"),
    "plan unknown": _("Plan unknown"),
    "plan too long": _("Plan's name too long"),
    "fee invalid": _("Fee invalid"),
    "fee missing": _("Fee missing"),
    "opening balance invalid": _("Opening balance invalid"),
    "date invalid": _("Date invalid"),
    "status unknown": _("Status unknown"),
    "username invalid": _("Login name invalid"),
    "username duplicate in file": _("Login name twice in the file"),
    "username taken": _("Login name taken"),
    "username missing": _("Login name missing"),
    "password invalid": _("Login password invalid"),
    "static ip invalid": _("Fixed address invalid"),
    "static ip duplicate in file": _("Fixed address twice in the file"),
    "static ip taken": _("Fixed address taken"),
    "mac invalid": _("MAC address invalid"),
    "coordinates out of range": _("Coordinates out of range"),
    "coordinates invalid": _("Coordinates invalid"),
    "coordinates incomplete": _("Coordinates incomplete"),
    "blacklisted": _("Blacklisted"),
    "tags invalid": _("Tags invalid"),
    "note too long": _("Note too long"),
    "language unknown": _("Language unknown"),
    "vip unknown": _("VIP: neither yes nor no"),
    "name duplicate in file": _("Name twice in the file"),
    "speed invalid": _("Speed invalid"),
    "price invalid": _("Price invalid"),
    "price missing": _("Price missing"),
    "validity invalid": _("Validity invalid"),
    "quota invalid": _("Data limit invalid"),
    "connection unknown": _("Connection type unknown"),
    "cycle unknown": _("Billing cycle unknown"),
    "row too long": _("Row longer than the header"),
}

REMEDIES = {
    "name missing": _("Write the subscriber's name."),
    "phone invalid or missing": _("Write one mobile number, for example 0300-1234567."),
    "phone duplicate in file": _(
        "An earlier row has this phone already. Remove one of the two rows, or write another phone."
    ),
    "phone taken": _(
        "A subscriber with another number or name has this phone already. Write another phone, or remove the row."
    ),
    "second phone invalid": _("Write one phone number, or leave the cell empty."),
    "whatsapp invalid": _("Write one phone number, or leave the cell empty."),
    "email invalid": _("Write an address like name@example.com, or leave the cell empty."),
    "number invalid": _("Write a number of at most 30 letters and digits."),
    "number duplicate in file": _(
        "An earlier row has this number already. Give this row another number, or remove it."
    ),
    "number taken": _("Another subscriber has this number already. Give this row another number, or leave it empty."),
    "cnic invalid": _("Write all digits, for example 35202-1234567-1, or leave the cell empty."),
    "cnic missing": _("Write the national ID number: your registration rules ask for it."),
    "area missing": _("Write the area in which the subscriber lives."),
    "area unknown": _("Add this area under Places, correct its name, or let the import create missing areas."),
    "area ambiguous": _("Several places have this name. Write the city as well."),
    "area out of reach": _(
        "You may bring in subscribers of your own areas and branches. Correct the area, or have somebody who reaches it send this row."
    ),
    "reseller out of reach": _(
        "You may bring in subscribers of your own resellers. Write one of their names as it is written here."
    ),
    "address missing": _("Write the address: your registration rules ask for it."),
    "branch unknown": _(
        "Write the name or code of one of your open branches, add this branch first, or leave the cell empty for the area's branch."
    ),
    "branch out of reach": _(
        "You may bring in subscribers of your own branches. Correct the branch, or leave the cell empty for the area's branch."
    ),
    "collector unknown": _(
        "Write the name or e-mail of somebody who works in your team, invite them first, or leave the cell empty."
    ),
    "collector ambiguous": _("Several people in your team have this name. Write the e-mail instead."),
    "collector out of reach": _(
        "You may give subscribers to yourself and to people who work for your part. Write one of them, or leave the cell empty."
    ),
    "plan missing": _("Write the plan. Only subscribers who have left, are inactive or only asked may have none."),
    "plan unknown": _("Write the name of one of your plans, or add this plan first."),
    "fee invalid": _("Write an amount in digits, zero or more, for example 1500."),
    "fee missing": _("Write the monthly fee: the new plan takes its price from it."),
    "opening balance invalid": _("Write an amount in digits; with a minus when the subscriber has paid ahead."),
    "date invalid": _("Write a day that exists and is not in the future, for example 28-08-2026."),
    "status unknown": _("Write active, suspended, inactive, hold, left, pending or lead."),
    "username invalid": _("Write a login name of at most 64 characters without spaces."),
    "username duplicate in file": _("An earlier row has this login name already. Write another."),
    "username taken": _("Another line has this login name already. Write another."),
    "username missing": _("Write the login name that this address or device belongs to, or leave those cells empty."),
    "password invalid": _("Write a password of at most 60 visible characters, or leave the cell empty: one is made."),
    "static ip invalid": _("Write one IPv4 address, for example 10.20.30.40, or leave the cell empty."),
    "static ip duplicate in file": _("An earlier row has this fixed address already. Write another."),
    "static ip taken": _("Another line has this fixed address already. Write another."),
    "mac invalid": _("Write the MAC address as AA:BB:CC:DD:EE:FF, or leave the cell empty."),
    "coordinates out of range": _(
        "Latitude is between -90 and 90, longitude between -180 and 180. Are the two exchanged?"
    ),
    "coordinates invalid": _("Write degrees as a number, for example 31.520370, or leave both cells empty."),
    "coordinates incomplete": _("Write both latitude and longitude, or neither."),
    "blacklisted": _("This person is blacklisted. Somebody with the right to lift that must do so first."),
    "tags invalid": _("Write at most 20 tags of at most 40 characters each, separated by commas."),
    "language unknown": _("Write English or Urdu, or leave the cell empty."),
    "vip unknown": _("Write yes or no, or leave the cell empty."),
    "name duplicate in file": _("An earlier row has this name already. Remove one of the two."),
    "speed invalid": _("Write the speed in Mbit/s, for example 20."),
    "price invalid": _("Write an amount in digits, zero or more, for example 1500."),
    "price missing": _("Write the monthly price."),
    "validity invalid": _("Write a number of days, 1 or more."),
    "quota invalid": _("Write the data limit in GB, or leave the cell empty for no limit."),
    "connection unknown": _("Write pppoe, hotspot, static, dhcp or cable."),
    "cycle unknown": _("Write fixed or anniversary, or nothing: then your billing rules decide."),
    **dict.fromkeys(
        (
            "name too long",
            "number too long",
            "area too long",
            "city too long",
            "address too long",
            "plan too long",
            "email too long",
            "street house too long",
            "branch too long",
            "collector too long",
            "note too long",
        ),
        _("Shorten the text."),
    ),
}
