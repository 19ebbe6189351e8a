"""A training's learning curve as one self-contained page: it needs neither a network nor a server."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.plotly_page import page_of
from nas.export.config import ExportedConfig
from nas.export.training import TrainingResult

ACCURACY = "#0b6e99"
LOSS = "#c2571a"


def render(config: ExportedConfig, result: TrainingResult) -> str:
    """An HTML page with plotly.js inside: validation accuracy and training loss by epoch, test accuracy as title."""
    epochs = [point.epoch for point in result.curve]
    drawn = make_subplots(specs=[[{"secondary_y": True}]])
    accuracies = [point.accuracy for point in result.curve]
    # Where no picture was held out there is none.
    if any(accuracy is not None for accuracy in accuracies):
        drawn.add_trace(
            go.Scatter(x=epochs, y=accuracies, name="validation accuracy", line={"color": ACCURACY}), secondary_y=False
        )
    losses = [point.loss for point in result.curve]
    drawn.add_trace(go.Scatter(x=epochs, y=losses, name="training loss", line={"color": LOSS}), secondary_y=True)
    title = f"{config.architecture.layout} on {result.settings['dataset']}: test accuracy {result.test_accuracy:.2%}"
    drawn.update_layout(title=title, template="plotly_white", hovermode="x unified")
    drawn.update_xaxes(title="epoch")
    drawn.update_yaxes(title="validation accuracy", tickformat=".1%", secondary_y=False)
    drawn.update_yaxes(title="training loss", secondary_y=True, showgrid=False)
    return page_of(drawn, title)
