"""mirnet's networks for spandrel, the loader of ComfyUI and chaiNNer.

`register()` adds them to spandrel's registry, so that its `ModelLoader` knows their files.
Needs mirnet with PyTorch beside spandrel: pip install "mirnet[train]".
"""

from dataclasses import replace

from spandrel import (
    MAIN_REGISTRY,
    Architecture,
    ArchSupport,
    ImageModelDescriptor,
    ModelTiling,
    SizeRequirements,
    StateDict,
)
from spandrel.util import KeyCondition

from mirnet.models.mirnetv2 import upstream
from mirnet.models.mirnetv2.network import MIRNetV2

WINDOW = 96
"""Side in pixels of the windows over which our half-resolution networks average. It is in no
tensor, and spandrel drops a file's metadata, which state it."""


class MIRNetV2Arch(Architecture[MIRNetV2]):
    """MIRNetV2 under mirnet's own names of tensors: full or half resolution, enlarging or not.

    Shapes give all options but the window, see `WINDOW`.
    """

    def __init__(self) -> None:
        super().__init__(
            id="mirnet-MIRNetV2",  # spandrel-extra-arches has the official network as MIRNet2
            name="MIRNetV2 (mirnet)",
            detect=KeyCondition.has_all(
                "head.weight",
                "tail.weight",
                "groups.0.project.weight",
                "groups.0.blocks.0.fine.attend.weight",
                "groups.0.blocks.0.fuse_fine.squeeze.0.weight",
                "groups.0.blocks.0.lift_coarse.1.0.weight",
            ),
        )

    def load(self, state_dict: StateDict) -> ImageModelDescriptor[MIRNetV2]:
        """Build the network that these tensors fit.

        Raises:
            mirnet.errors.WeightsError: if they fit none.
        """
        configuration = upstream.configuration(state_dict)
        if configuration.unshuffle == 2:
            configuration = replace(configuration, window=WINDOW)
        parts = [f"{configuration.width}w", f"{len(configuration.groups)} groups"]
        if configuration.unshuffle == 2:
            parts.append("half resolution")
        return ImageModelDescriptor(
            configuration.network(),
            state_dict,
            architecture=self,
            purpose="SR" if configuration.scale > 1 else "Restoration",
            tags=parts,
            supports_half=False,  # weights of contexts fall below float16's smallest number
            supports_bfloat16=True,
            scale=configuration.scale,
            input_channels=configuration.in_channels,
            output_channels=configuration.out_channels,
            size_requirements=SizeRequirements(multiple_of=configuration.multiple),
            # without windows the network averages over all it is given, so tiles show
            tiling=ModelTiling.SUPPORTED if configuration.window else ModelTiling.DISCOURAGED,
        )


def register() -> None:
    """Add the architecture to spandrel's main registry; again has no effect."""
    MAIN_REGISTRY.add(ArchSupport.from_architecture(MIRNetV2Arch()), ignore_duplicates=True)
