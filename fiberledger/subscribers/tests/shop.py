from fiberledger.places import services as places
from fiberledger.subscribers.services import NewSubscriber, register


class Shop:
    """Bright ISP with two branches and a few streets, inside its scope."""

    def __init__(self, isp):
        from fiberledger.places.models import Branch

        self.isp, self.by = isp, isp.system()
        self.main = Branch.objects.create(name="Main", code="M")
        self.north = Branch.objects.create(name="North", code="N")
        self.city = places.add_area("Lahore", level="city", branch=self.main, by=self.by)
        self.here = places.add_area("Johar Town A", parent=self.city, by=self.by)
        self.there = places.add_area("Kot Haleem", parent=self.city, branch=self.north, by=self.by)
        self._next = 1000000

    def person(self, name="Asha", **fields):
        self._next += 1
        fields = {"phone": f"0300{self._next}", "area_id": self.here.pk, "address": "House 1", **fields}
        return NewSubscriber(name=name, **fields)

    def register(self, name="Asha", **fields):
        return register(self.person(name, **fields), by=self.by)
