"""The places of a network at which noise can be injected.

A site is the output of a BatchNorm, or the sum at the end of a residual block. Sites come in sets:

set       what it holds                                      ResNet-18     ResNet-50     MobileNetV2, V3  VGG-BN
--------- -------------------------------------------------- ------------- ------------- ---------------- ----------
first     first BatchNorm on the main path of each block     bn1           bn1           of expansion     all but one
second    second BatchNorm on the main path                  bn2           bn2           of depthwise     -
third     third BatchNorm on the main path                   -             bn3           of projection    -
shortcut  every BatchNorm on the other path                  downsample.1  downsample.1  -                -
block     the sum of both paths, if a ReLU reads it          join          join          - (no ReLU)      -
stem      before an activation and ahead of all blocks       bn1           bn1           features.0.1     first one
other     the rest: behind the blocks, before no activation  -             -             the last one     -
all       every BatchNorm                                    20            53            52; 34 or 46     8 to 16

A block is a module whose own forward adds two tensors, and any other of its class (MobileNet's blocks that change the
shape add nothing), or with two BatchNorms and more at the same place among blocks (`blocks.0.0` beside `blocks.1.2`).
Where the last layer of a block adds what the block was given, the block is the module around it. However often a block
adds, it has one `first`: its main path is followed back from its last sum, in each sum by the term with more
BatchNorms, then with more layers, then the earlier one. They are counted in order of execution: a MobileNet block
without expansion begins with its depthwise convolution. What else feeds a sum of the block is `shortcut`. Of nested
blocks, a BatchNorm belongs to the one right around it. A network whose own forward adds has a block wherever it adds
to what came through the sum before.

In a network without blocks, `stem` is the first BatchNorm before an activation and `first` are all others before one:
behind a pool, dropout or constant factor too, and whether or not the activation is one of PyTorch's. `all` leaves the
sums out, at which a sign flip would undo those on the two paths to it. What training never calls has no site.
"""

from noise.sites.finding import SITE_SETS, Site, find_sites

__all__ = ["SITE_SETS", "Site", "find_sites"]
