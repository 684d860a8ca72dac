"""No condition: p(x|z), q(z|x)."""


class Unconditional:
    """Nothing is known of an image besides its pixels."""

    option, conditional, planes = "none", False, False

    def fields(self, dataset):
        """()"""
        return ()

    def values(self, dataset, split):
        """None"""
        return None
